/* What a sum is multiplied with to give a mean of so many steps, with 30 fractional bits. */
static inline int32_t reciprocal(int32_t steps)
{
    return (int32_t)(((1u << 30) + (uint32_t)steps / 2) / (uint32_t)steps);
}
