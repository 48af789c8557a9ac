/* A convolution of each channel by itself, four channels at a time; weights lie as the input does, channels last. */
SEPARATE static void depthwise_number(const conv_layer *l, const number_t *x, void *y)
{
    const int channels = l->channels, step = l->dilation_column * channels;
    const int line = l->dilation_row * l->columns * channels;
    int top = -l->padding_row, left = -l->padding_column, at = 0;
    for (int places = l->to_rows * l->to_columns; places > 0; places--, next_place(l, &top, &left)) {
        int first_row, last_row, first, last;
        inside(top, l->dilation_row, l->kernel_rows, l->rows, &first_row, &last_row);
        inside(left, l->dilation_column, l->kernel_columns, l->columns, &first, &last);
        const int wide = last - first, seen_on = line - wide * step, weights_on = (l->kernel_columns - wide) * channels;
        const number_t *corner = x + (top * l->columns + left) * channels + first_row * line + first * step;
        const int8_t *from = l->weights + (first_row * l->kernel_columns + first) * channels;
        const int32_t *row = l->scale.row;
        for (int four = channels / 4; four > 0; four--, corner += 4, from += 4, at += 4, row += 8) {
            int32_t a = row[0], b = row[2], c = row[4], d = row[6];
            const number_t *seen = corner;
            const int8_t *w = from;
            for (int i = last_row - first_row; i > 0; i--, seen += seen_on, w += weights_on)
                for (int j = wide; j > 0; j--, seen += step, w += channels) {
#if WORDS_DSP
                    const uint32_t numbers = loaded(seen), weights = loaded(w);
                    const int16x2_t p = even_number(numbers), q = odd_number(numbers);
                    const int16x2_t s = even(weights), t = odd(weights);
                    a = __smlabb(p, s, a);
                    b = __smlabb(q, t, b);
                    c = __smlatt(p, s, c);
                    d = __smlatt(q, t, d);
#else
                    a += seen[0] * w[0];
                    b += seen[1] * w[1];
                    c += seen[2] * w[2];
                    d += seen[3] * w[3];
#endif
                }
            settle_two(&l->scale, row, a, b, y, at);
            settle_two(&l->scale, row + 4, c, d, y, at + 2);
        }
        for (int alone = channels % 4; alone > 0; alone--, corner++, from++, at++, row += 2) {
            int32_t acc = row[0];
            const number_t *seen = corner;
            const int8_t *w = from;
            for (int i = last_row - first_row; i > 0; i--, seen += seen_on, w += weights_on)
                for (int j = wide; j > 0; j--, seen += step, w += channels)
                    acc += *seen * *w;
            settle_any(&l->scale, row, acc, y, at);
        }
    }
}
