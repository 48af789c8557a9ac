/* Four rows times a vector of 8-bit numbers. */
SEPARATE static const int8_t *dense_int8(const int8_t *w, const int8_t *v, int columns, int32_t *acc)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    const int left = columns % 4;
    UNROLLED
    for (const int8_t *end = v + (columns - left); v != end; v += 4, w += 16) {
#if WORDS_DSP
        const uint32_t word = loaded(v);
        const int16x2_t first = even(word), second = odd(word);
        a = four_products(w, first, second, a);
        b = four_products(w + 4, first, second, b);
        c = four_products(w + 8, first, second, c);
        d = four_products(w + 12, first, second, d);
#else
        const int32_t p = v[0], q = v[1], r = v[2], s = v[3];
        a += w[0] * p + w[1] * q + w[2] * r + w[3] * s;
        b += w[4] * p + w[5] * q + w[6] * r + w[7] * s;
        c += w[8] * p + w[9] * q + w[10] * r + w[11] * s;
        d += w[12] * p + w[13] * q + w[14] * r + w[15] * s;
#endif
    }
    for (int i = 0; i < left; i++) {
        a += w[i] * v[i];
        b += w[left + i] * v[i];
        c += w[2 * left + i] * v[i];
        d += w[3 * left + i] * v[i];
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
    return w + 4 * left;
}
