/* For each number its entry in a table of 256; what is signed has 128 in `sign`, else 0. It may lie where it came from. */
SEPARATE static void looked_up(const uint8_t *entries, int sign, int size, const uint8_t *x, uint8_t *y)
{
    for (; size > 0; size--)
        *y++ = entries[*x++ ^ sign];
}
