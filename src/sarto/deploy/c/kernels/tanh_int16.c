/* tanh of z (13 fractional bits) from a table over |z|, interpolated, the sign put back afterwards. */
static inline int32_t tanh_lookup(int32_t z)
{
    const int32_t value = interpolated(magnitude(z));
    return z < 0 ? -value : value;
}
