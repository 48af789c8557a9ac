/* tanh of z (13 fractional bits) from a table over |z|, one entry per interval, the sign put back afterwards. */
static inline int32_t tanh_lookup(int32_t z)
{
    z = clamp(z, 32767);
    const int32_t value = table[(z < 0 ? -z : z) >> TABLE_SHIFT];
    return z < 0 ? -value : value;
}
