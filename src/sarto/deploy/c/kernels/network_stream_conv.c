/* Lays the next rows of a stream out as `rows_number` reads them. */
static inline void block_stream_number(reader_stream *d, int rows, uint32_t columns, uint32_t taps, int8_t *to)
{
    zeros((uint8_t *)to, rows * (int)taps);
    for (uint32_t r = 0; r < (uint32_t)rows; r++) {
        uint32_t c = d->gap;
        while (c < columns) {
            to[rows == 4 ? c / 4 * 16 + r * 4 + c % 4 : r * taps + c] = (int8_t)value_stream(d);
            c += 1 + gap_stream(d);
        }
        d->gap = c - columns;
    }
}

/* A convolution whose weights come out of a stream: up to four rows are laid out at a time, and slide over all places. */
SEPARATE static void conv_stream_number(const conv_layer *l, const weights_stream *w, const number_t *x, uint8_t *patch,
                                        int8_t *block, void *y)
{
    const int rows = l->outputs / l->groups;
    const uint32_t columns = (uint32_t)(l->kernel_rows * l->kernel_columns * (l->channels / l->groups));
    const int32_t *row = l->scale.row;
    reader_stream d = begun_stream(w);
    for (int g = 0, channel = 0; g < l->groups; g++) {
        for (int left = rows; left > 0; left -= 4) {
            const int count = left < 4 ? left : 4;
            int top = -l->padding_row, from = -l->padding_column, at = channel;
            block_stream_number(&d, count, columns, l->taps, block);
            for (int places = l->to_rows * l->to_columns; places > 0; places--, next_place(l, &top, &from)) {
                const number_t *seen = x + (top * l->columns + from) * l->channels;
                if (!l->direct) {
                    gather(l, (const uint8_t *)x, top, from, g, patch);
                    seen = (const number_t *)patch;
                }
                rows_number(&l->scale, row, block, seen, l->taps, count, y, at);
                at += l->outputs;
            }
            channel += count;
            row += 2 * count;
        }
    }
}
