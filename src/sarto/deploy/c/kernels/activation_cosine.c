/* The activation of random features: the cosine, a turn being 2^16, from a table over half a turn, interpolated. */
static inline int32_t activation(int32_t phase)
{
    int32_t folded = (int32_t)((uint32_t)phase & 0xffff);
    if (folded > 32768)
        folded = 65536 - folded;
    if (folded > 32767)
        folded = 32767;
    const int32_t low = table[folded >> TABLE_SHIFT];
    const int32_t rise = table[(folded >> TABLE_SHIFT) + 1] - low;
    const int32_t part = folded & ((1 << TABLE_SHIFT) - 1);
    return low + ((rise * part + (1 << (TABLE_SHIFT - 1))) >> TABLE_SHIFT);
}
