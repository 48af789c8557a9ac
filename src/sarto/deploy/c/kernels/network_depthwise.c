/* A convolution of each channel by itself, four channels at a time; weights lie as the input does, channels last. */
SEPARATE static void depthwise_number(const conv_layer *l, const number_t *x, void *y)
{
    const int channels = l->channels;
    int at = 0;
    for (int r = 0; r < l->to_rows; r++) {
        const int top = r * l->stride_row - l->padding_row;
        int first_row = 0, last_row = l->kernel_rows;
        while (top + first_row * l->dilation_row < 0)
            first_row++;
        while (top + (last_row - 1) * l->dilation_row >= l->rows)
            last_row--;
        for (int k = 0; k < l->to_columns; k++) {
            const int left = k * l->stride_column - l->padding_column;
            int first = 0, last = l->kernel_columns;
            while (left + first * l->dilation_column < 0)
                first++;
            while (left + (last - 1) * l->dilation_column >= l->columns)
                last--;
            const number_t *corner =
                x + ((top + first_row * l->dilation_row) * l->columns + left + first * l->dilation_column) * channels;
            const int8_t *from = l->weights + (first_row * l->kernel_columns + first) * channels;
            const int32_t *row = l->scale.row;
            int c = 0;
            for (int four = channels / 4; four > 0; four--, c += 4, at += 4, row += 4 * l->scale.length) {
                int32_t acc[4] = {row[0], row[l->scale.length], row[2 * l->scale.length], row[3 * l->scale.length]};
                const number_t *line = corner + c;
                const int8_t *v = from + c;
                for (int i = first_row; i < last_row; i++) {
                    const number_t *seen = line;
                    const int8_t *w = v;
                    for (int j = first; j < last; j++, seen += l->dilation_column * channels, w += channels) {
#if WORDS_DSP
                        const uint32_t numbers = loaded(seen), weights = loaded(w);
                        const int16x2_t p = even_number(numbers), q = odd_number(numbers);
                        const int16x2_t s = even(weights), t = odd(weights);
                        acc[0] = __smlabb(p, s, acc[0]);
                        acc[1] = __smlabb(q, t, acc[1]);
                        acc[2] = __smlatt(p, s, acc[2]);
                        acc[3] = __smlatt(q, t, acc[3]);
#else
                        acc[0] += seen[0] * w[0];
                        acc[1] += seen[1] * w[1];
                        acc[2] += seen[2] * w[2];
                        acc[3] += seen[3] * w[3];
#endif
                    }
                    line += l->dilation_row * l->columns * channels;
                    v += l->kernel_columns * channels;
                }
                settle_two(&l->scale, row, l->scale.length, acc[0], acc[1], y, at, at + 1);
                settle_two(&l->scale, row + 2 * l->scale.length, l->scale.length, acc[2], acc[3], y, at + 2, at + 3);
            }
            for (int left = channels % 4; left > 0; left--, c++, at++, row += l->scale.length) {
                int32_t acc = row[0];
                for (int i = first_row; i < last_row; i++)
                    for (int j = first; j < last; j++)
                        acc += corner[((i - first_row) * l->dilation_row * l->columns +
                                       (j - first) * l->dilation_column) * channels + c] *
                               l->weights[(i * l->kernel_columns + j) * channels + c];
                settle_any(&l->scale, row, acc, y, at);
            }
        }
    }
}
