/* A convolution: the numbers that a place of it sees are gathered into a patch, zeros where it looks outside, and each
   group of channels is rows of weights times its patch. */
SEPARATE static void conv_number(const conv_layer *l, const number_t *x, uint8_t *patch, void *y)
{
    const int rows = l->outputs / l->groups;
    int at = 0;
    for (int r = 0; r < l->to_rows; r++) {
        for (int k = 0; k < l->to_columns; k++) {
            const int top = r * l->stride_row - l->padding_row, left = k * l->stride_column - l->padding_column;
            const int32_t *row = l->scale.row;
            const int8_t *w = l->weights;
            for (int g = 0; g < l->groups; g++, at += rows, row += rows * l->scale.length, w += rows * l->taps) {
                const number_t *seen = x + (top * l->columns + left) * l->channels;
                if (!l->direct) {
                    gather(l, (const uint8_t *)x, top, left, g, patch);
                    seen = (const number_t *)patch;
                }
                rows_number(&l->scale, row, w, seen, l->taps, rows, y, at);
            }
        }
    }
}
