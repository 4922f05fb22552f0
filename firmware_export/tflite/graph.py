"""One quantised TensorFlow Lite subgraph, built tensor by tensor and packed with `flatbuffers`."""

from types import ModuleType
from typing import Any

import numpy as np

from ...signals.errors import InputError

__all__ = ["TfliteGraph"]

_FILE_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
}


def _import_extra() -> tuple[ModuleType, ModuleType]:
    """`flatbuffers` and the schema classes; InputError names the extra that brings them."""
    try:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise InputError(f"writing .tflite needs {error.name}: pip install 'ictus[tflite]'") from error
    return flatbuffers, schema


class TfliteGraph:
    """A subgraph under construction; tensors are named by the index that creating them returns.

    Every tensor has zero point 0: real value = scale * integer.

    Parameters
    ----------
    name : of the subgraph and of its signature

    Raises
    ------
    InputError : the extra ``ictus[tflite]`` is not installed
    """

    def __init__(self, name: str) -> None:
        self._flatbuffers, self.schema = _import_extra()
        self._name = name
        self._buffers = [self.schema.BufferT()]  # buffer 0 stands for "no data"
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._opcodes: list[tuple[int, int]] = []

    def activation(self, name: str, shape: tuple[int, ...], scale: float) -> int:
        """An int8 tensor that is fed or computed, one scale for all its values."""
        return self._tensor(name, shape, self.schema.TensorType.INT8, np.array([scale], np.float32), 0)

    def constant(self, name: str, values: np.ndarray, scales: np.ndarray) -> int:
        """An int8 or int32 tensor stored in the file, one scale per index of its first axis, or one for all."""
        types = self.schema.TensorType
        kind = types.INT8 if values.dtype == np.int8 else types.INT32
        return self._tensor(name, values.shape, kind, scales, self._buffer(values))

    def shape_constant(self, name: str, shape: tuple[int, ...]) -> int:
        """An int32 vector, such as RESHAPE takes as its second input."""
        values = np.array(shape, np.int32)
        return self._tensor(name, values.shape, self.schema.TensorType.INT32, None, self._buffer(values))

    def operator(self, kind: str, version: int, inputs: tuple[int, ...], output: int, **options: Any) -> None:
        """Append a built-in operator such as ``CONV_2D``; `options` are the fields of its options table."""
        table_name = _OPTIONS.get(kind, kind.title() + "Options")
        table = getattr(self.schema, table_name + "T")()
        for field, value in options.items():
            setattr(table, field, value)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = self._opcode(getattr(self.schema.BuiltinOperator, kind), version)
        operator.inputs, operator.outputs = list(inputs), [output]
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, table_name)
        operator.builtinOptions = table
        self._operators.append(operator)

    def to_bytes(self, inputs: dict[str, int], outputs: dict[str, int], description: str) -> bytes:
        """The file. `inputs` and `outputs` give the signature's names for tensors."""
        model = self.schema.ModelT()
        model.version, model.description = _SCHEMA_VERSION, description
        model.operatorCodes = [self._opcode_table(*code) for code in self._opcodes]
        model.subgraphs = [self._subgraph(list(inputs.values()), list(outputs.values()))]
        model.signatureDefs = [self._signature(inputs, outputs)]
        model.buffers = self._buffers
        builder = self._flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=_FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _buffer(self, values: np.ndarray) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.astype(values.dtype.newbyteorder("<")).tobytes(), np.uint8)
        self._buffers.append(buffer)
        return len(self._buffers) - 1

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, scales: np.ndarray | None, buffer: int) -> int:
        tensor = self.schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, buffer
        tensor.hasRank = True
        if scales is not None:
            tensor.quantization = self.schema.QuantizationParametersT()
            tensor.quantization.scale = np.asarray(scales, np.float32)
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _opcode(self, kind: int, version: int) -> int:
        if (kind, version) not in self._opcodes:
            self._opcodes.append((kind, version))
        return self._opcodes.index((kind, version))

    def _opcode_table(self, kind: int, version: int) -> Any:
        code = self.schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, 127), version
        return code

    def _subgraph(self, inputs: list[int], outputs: list[int]) -> Any:
        subgraph = self.schema.SubGraphT()
        subgraph.name, subgraph.inputs, subgraph.outputs = self._name, inputs, outputs
        subgraph.tensors, subgraph.operators = self._tensors, self._operators
        return subgraph

    def _signature(self, inputs: dict[str, int], outputs: dict[str, int]) -> Any:
        signature = self.schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = self._name, 0
        signature.inputs = [self._tensor_map(*item) for item in inputs.items()]
        signature.outputs = [self._tensor_map(*item) for item in outputs.items()]
        return signature

    def _tensor_map(self, name: str, index: int) -> Any:
        entry = self.schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        return entry
