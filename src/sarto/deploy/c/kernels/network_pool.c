SEPARATE static void pool_number(const pool_layer *l, const number_t *x, void *y)
{
    int at = 0;
    for (int r = 0; r < l->to_rows; r++) {
        const int top = r * l->stride_row - l->padding_row, bottom = top + l->kernel_rows;
        const int first_row = top < 0 ? 0 : top, last_row = bottom > l->rows ? l->rows : bottom;
        for (int k = 0; k < l->to_columns; k++) {
            const int left = k * l->stride_column - l->padding_column, right = left + l->kernel_columns;
            const int first = left < 0 ? 0 : left, last = right > l->columns ? l->columns : right;
            for (int c = 0; c < l->channels; c++, at++) {
                const number_t *line = x + (first_row * l->columns + first) * l->channels + c;
                int32_t found = l->mean ? 0 : INT32_MIN;
                for (int i = first_row; i < last_row; i++, line += l->columns * l->channels) {
                    const number_t *seen = line;
                    for (int j = first; j < last; j++, seen += l->channels) {
                        if (l->mean)
                            found += *seen;
                        else if (*seen > found)
                            found = *seen;
                    }
                }
                if (l->mean)
                    found = within(requantise(found, l->factor, l->shift), l->low, l->high);
                if (l->wide)
                    ((int32_t *)y)[at] = found;
                else
                    ((uint8_t *)y)[at] = (uint8_t)found;
            }
        }
    }
}
