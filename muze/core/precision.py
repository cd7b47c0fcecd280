"""In what weights are stored."""

from enum import StrEnum


class Precision(StrEnum):
    """32-bit floats, as they are trained; 16-bit floats; or 8-bit integers and a scale a row."""

    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"
