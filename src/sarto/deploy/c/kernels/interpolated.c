/* The value at a place from 0 to 32767 of a table of knots, linear, rounded half up. */
static inline int32_t interpolated(int32_t place)
{
#if FINE
    const int32_t low = table[place >> (TABLE_SHIFT + FINE)];
    const int32_t rise = table[(place >> (TABLE_SHIFT + FINE)) + 1] - low;
    const int32_t part = place & ((1 << (TABLE_SHIFT + FINE)) - 1); /* so fine is the value, too */
    return low * (1 << FINE) + ((rise * part + (1 << (TABLE_SHIFT - 1))) >> TABLE_SHIFT);
#else
    const int32_t low = table[place >> TABLE_SHIFT];
    const int32_t rise = table[(place >> TABLE_SHIFT) + 1] - low;
    const int32_t part = place & ((1 << TABLE_SHIFT) - 1);
    return low + ((rise * part + (1 << (TABLE_SHIFT - 1))) >> TABLE_SHIFT);
#endif
}
