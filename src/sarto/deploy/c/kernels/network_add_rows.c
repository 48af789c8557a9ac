/* Rows of weights times a patch, as in network_rows.c, added to the sums that there are. */
SEPARATE static void add_rows_number(const int8_t *w, const number_t *v, int taps, int rows, int32_t *sums)
{
    const number_t *const end = v + taps;
    int left = rows % 4;
    for (rows -= left; rows > 0; rows -= 4, sums += 4) {
        int32_t a = sums[0], b = sums[1], c = sums[2], d = sums[3];
        for (const number_t *x = v; x != end; x += 4, w += 16) {
#if WORDS_DSP
            const uint32_t word = loaded(x);
            const int16x2_t first = even_number(word), second = odd_number(word);
            a = four_products(w, first, second, a);
            b = four_products(w + 4, first, second, b);
            c = four_products(w + 8, first, second, c);
            d = four_products(w + 12, first, second, d);
#else
            const int32_t p = x[0], q = x[1], r = x[2], t = x[3];
            a += w[0] * p + w[1] * q + w[2] * r + w[3] * t;
            b += w[4] * p + w[5] * q + w[6] * r + w[7] * t;
            c += w[8] * p + w[9] * q + w[10] * r + w[11] * t;
            d += w[12] * p + w[13] * q + w[14] * r + w[15] * t;
#endif
        }
        sums[0] = a;
        sums[1] = b;
        sums[2] = c;
        sums[3] = d;
    }
    for (; left > 0; left--, sums++) {
        int32_t a = sums[0];
        for (const number_t *x = v; x != end; x += 4, w += 4)
            a += w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
        sums[0] = a;
    }
}
