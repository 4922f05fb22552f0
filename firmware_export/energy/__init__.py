"""What work costs: devices, cycles, prices, and the energy of a whole wearable."""
