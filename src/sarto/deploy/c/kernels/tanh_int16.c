/* tanh of z (13 fractional bits) from a table over |z|, interpolated, the sign put back afterwards. */
static inline int32_t tanh_lookup(int32_t z)
{
    const int32_t size = magnitude(z);
    const int32_t low = table[size >> TABLE_SHIFT];
    const int32_t rise = table[(size >> TABLE_SHIFT) + 1] - low;
    const int32_t part = size & ((1 << TABLE_SHIFT) - 1);
    const int32_t value = low + ((rise * part + (1 << (TABLE_SHIFT - 1))) >> TABLE_SHIFT);
    return z < 0 ? -value : value;
}
