/* Four rows times a vector of 16-bit numbers; of four weights the middle two are swapped, as SXTB16 takes them. */
SEPARATE static const int8_t *dense_int16(const int8_t *w, const int16_t *v, int columns, int32_t *acc)
{
    int32_t a = 0, b = 0, c = 0, d = 0;
    const int left = columns % 4;
    UNROLLED
    for (const int16_t *end = v + (columns - left); v != end; v += 4, w += 16) {
#if WORDS_DSP
        const int16x2_t first = (int16x2_t)loaded(v), second = (int16x2_t)loaded(v + 2);
        a = four_products(w, first, second, a);
        b = four_products(w + 4, first, second, b);
        c = four_products(w + 8, first, second, c);
        d = four_products(w + 12, first, second, d);
#else
        const int32_t p = v[0], q = v[1], r = v[2], s = v[3];
        a += w[0] * p + w[2] * q + w[1] * r + w[3] * s;
        b += w[4] * p + w[6] * q + w[5] * r + w[7] * s;
        c += w[8] * p + w[10] * q + w[9] * r + w[11] * s;
        d += w[12] * p + w[14] * q + w[13] * r + w[15] * s;
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
