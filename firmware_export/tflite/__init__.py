"""The same integer model as a `.tflite` file."""
