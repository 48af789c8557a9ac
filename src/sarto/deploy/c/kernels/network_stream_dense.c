/* Rows of weights out of a stream, times a vector: each value is multiplied as it is read, and no row is ever laid out. */
typedef struct {
    scaling scale;
    weights_stream weights;
    const int16_t *bias;   /* none: it is in the rows of `scale` */
    uint16_t columns, rows, step; /* step: from row to row of `scale`, 0 where all have one */
} dense_stream_number;

#if CHECKED
/* Returns the sum of the sums of all rows. */
SEPARATE static uint32_t run_dense_stream_number(const dense_stream_number *l, const number_t *v, void *y)
#else
SEPARATE static void run_dense_stream_number(const dense_stream_number *l, const number_t *v, void *y)
#endif
{
#if CHECKED
    uint32_t sum = 0;
#endif
    const int32_t *row = l->scale.row;
    const uint32_t columns = l->columns;
    reader_stream d = begun_stream(&l->weights);
    for (int at = 0; at < l->rows; at++, row += l->step) {
        int32_t acc = l->bias ? l->bias[at] : row[0];
        uint32_t c = d.gap;
        while (c < columns) {
            acc += value_stream(&d) * v[c];
            c += 1 + gap_stream(&d);
        }
        d.gap = c - columns;
#if CHECKED
        sum += (uint32_t)acc;
#endif
        settle_any(&l->scale, row, acc, y, at);
    }
#if CHECKED
    return sum;
#endif
}
