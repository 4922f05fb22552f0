"""The exported code on an emulated core: machines, runs, counted instructions, worst cases."""
