/* What all kernels rely on: an arithmetic right shift, and limits on both sides. */
typedef char right_shift_is_arithmetic[((int64_t)-3 >> 1) == -2 ? 1 : -1];

static inline int32_t clamp(int32_t value, int32_t limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}
