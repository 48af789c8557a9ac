/* The activation of random features: the cosine, a turn being 2^16, from a table over half a turn, interpolated. */
static inline int32_t activation(int32_t phase)
{
    int32_t folded = (int32_t)((uint32_t)phase & 0xffff);
    if (folded > 32768)
        folded = 65536 - folded;
    if (folded > 32767)
        folded = 32767;
    return interpolated(folded);
}
