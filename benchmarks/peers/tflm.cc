// The `.tflite` file of the same network by TensorFlow Lite for Microcontrollers, only its operators linked in.
#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/pooling.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

extern "C" {
#include "peers.h"
extern const uint8_t peers_tflite[];
}

namespace {

alignas(8) uint8_t interpreter_storage[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter* interpreter;
tflite::MicroMutableOpResolver<6> resolver;

void copy(const int8_t* from, TfLiteTensor* to) {
  for (size_t i = 0; i < to->bytes; ++i) to->data.int8[i] = from[i];
}

}  // namespace

// What a core without a system has not: nothing ends here, so that nothing is to be done at the end.
extern "C" void abort() {
  for (;;) {
  }
}

extern "C" {
void* __dso_handle;
int __aeabi_atexit(void*, void (*)(void*), void*) { return 0; }
}

#if defined(__clang__)
extern "C" int strncmp(const char* a, const char* b, size_t n) {
  for (; n != 0; ++a, ++b, --n) {
    if (*a != *b) return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
    if (*a == 0) return 0;
  }
  return 0;
}

extern "C" int strcmp(const char* a, const char* b) { return strncmp(a, b, SIZE_MAX); }

// Of a normal number or 0, which is all that scales are.
extern "C" double frexp(double x, int* exponent) {
  union {
    double value;
    uint64_t bits;
  } u = {x};
  *exponent = 0;
  if (x == 0) return x;
  *exponent = static_cast<int>(u.bits >> 52 & 0x7FF) - 1022;
  u.bits = (u.bits & ~(0x7FFULL << 52)) | (1022ULL << 52);
  return u.value;
}
#endif

extern "C" uint32_t peers_init(uint8_t* arena, uint32_t n_bytes) {
  resolver.AddConv2D(tflite::Register_CONV_2D_INT8());
  resolver.AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8());
  resolver.AddReshape();
  resolver.AddConcatenation();
#if PEERS_POOLS
  resolver.AddDepthwiseConv2D(tflite::Register_DEPTHWISE_CONV_2D_INT8());
  resolver.AddMaxPool2D(tflite::Register_MAX_POOL_2D_INT8());
#endif
  interpreter =
      new (interpreter_storage) tflite::MicroInterpreter(tflite::GetModel(peers_tflite), resolver, arena, n_bytes);
  if (interpreter->AllocateTensors() != kTfLiteOk) return UINT32_MAX;
  return static_cast<uint32_t>(interpreter->arena_used_bytes());
}

extern "C" void peers_infer(const int8_t* window, const int8_t* context, int8_t* logits) {
  copy(window, interpreter->input(0));
  copy(context, interpreter->input(1));
  interpreter->Invoke();
  for (int output = 0; output < 2; ++output) {
    const TfLiteTensor* found = interpreter->output(output);
    for (size_t i = 0; i < found->bytes; ++i) *logits++ = found->data.int8[i];
  }
}
