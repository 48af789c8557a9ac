/* A convolution: the numbers that a place of it sees are gathered into a patch, zeros where it looks outside, and each
   group of channels is rows of weights times its patch. Where they are whole words, two places go at a time. */
SEPARATE static void conv_number(const conv_layer *l, const number_t *x, uint8_t *patch, void *y)
{
    const int rows = l->outputs / l->groups;
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
                pair_number(&l->scale, row, w, (const uint32_t *)patch, l->taps, rows, y, at, at + l->outputs);
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
            rows_number(&l->scale, row, w, seen, l->taps, rows, y, at);
        }
    }
}
