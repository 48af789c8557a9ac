/* What all kernels rely on: an arithmetic right shift. */
typedef char right_shift_is_arithmetic[((int64_t)-3 >> 1) == -2 ? 1 : -1];
