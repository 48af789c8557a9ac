/* Some of a vector's numbers, in another order; `width` bytes each. */
SEPARATE static void permute(const uint16_t *index, int size, int width, const uint8_t *x, uint8_t *y)
{
    for (int i = 0; i < size; i++)
        for (int j = 0; j < width; j++)
            *y++ = x[index[i] * width + j];
}
