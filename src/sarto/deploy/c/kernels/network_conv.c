/* A convolution: the numbers that a place of it sees are gathered into a patch, zeros where it looks outside, and each
   group of channels is rows of weights times its patch. Where they are whole words, two places go at a time. */
#if CHECKED_CONV
/* Returns 0 if the sums of every place add up to what they should, or none are checked. */
SEPARATE static uint32_t conv_number(const conv_layer *l, const number_t *x, uint8_t *patch, void *y)
#else
SEPARATE static void conv_number(const conv_layer *l, const number_t *x, uint8_t *patch, void *y)
#endif
{
    const int rows = l->outputs / l->groups;
#if CHECKED_CONV
    uint32_t wrong = 0;
#endif
    int top = -l->padding_row, left = -l->padding_column, at = 0;
    for (int places = l->to_rows * l->to_columns; places > 0; places--, next_place(l, &top, &left)) {
        const int32_t *row = l->scale.row;
        const int8_t *w = l->weights;
#if PAIRS
#if WORDS_DSP
        if (l->pairs && places > 1) {
            const int above = top, before = left;
            next_place(l, &top, &left);
            places--;
            for (int g = 0; g < l->groups; g++, at += rows, row += 2 * rows, w += rows * l->taps) {
                gather_words(l, (const uint8_t *)x, above, before, g, (uint32_t *)patch);
                gather_words(l, (const uint8_t *)x, top, left, g, (uint32_t *)patch + 1);
#if CHECKED_CONV
                uint32_t sums[2] = {0, 0};
                pair_number(&l->scale, row, w, (const uint32_t *)patch, l->taps, rows, y, at, at + l->outputs, sums);
                if (l->check) {
                    const number_t *const two = (const number_t *)patch;
                    const int16_t *const check = l->check + g * l->taps;
                    wrong |= sums[0] ^ checked_number(check, l->sums[g], two, l->taps, 8);
                    wrong |= sums[1] ^ checked_number(check, l->sums[g], two + 4, l->taps, 8);
                }
#else
                pair_number(&l->scale, row, w, (const uint32_t *)patch, l->taps, rows, y, at, at + l->outputs);
#endif
            }
            at += l->outputs;
            continue;
        }
#endif
#endif
        for (int g = 0; g < l->groups; g++, at += rows, row += 2 * rows, w += rows * l->taps) {
            const number_t *seen = x + (top * l->columns + left) * l->channels;
            if (!l->direct) {
                gather(l, (const uint8_t *)x, top, left, g, patch);
                seen = (const number_t *)patch;
            }
#if CHECKED_CONV
            const uint32_t sum = rows_number(&l->scale, row, w, seen, l->taps, rows, y, at);
            if (l->check)
                wrong |= sum ^ checked_number(l->check + g * l->taps, l->sums[g], seen, l->taps, 4);
#else
            rows_number(&l->scale, row, w, seen, l->taps, rows, y, at);
#endif
        }
    }
#if CHECKED_CONV
    return wrong;
#endif
}
