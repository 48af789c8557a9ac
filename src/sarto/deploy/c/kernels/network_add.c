/* The sum of tensors with a factor each, and one rounding; what is signed has 128 in `sign`, else 0. */
typedef struct {
    int32_t size, count, shift, low, high, wide;
    int32_t factor[MOST_ADDED], sign[MOST_ADDED];
} add_layer;

SEPARATE static void add(const add_layer *l, const uint8_t *const *x, void *y)
{
    for (int at = 0; at < l->size; at++) {
        int32_t sum = 1 << (l->shift - 1);
        for (int i = 0; i < l->count; i++)
            sum += l->factor[i] * ((x[i][at] ^ l->sign[i]) - l->sign[i]);
        sum = within(sum >> l->shift, l->low, l->high);
        if (l->wide)
            ((int32_t *)y)[at] = sum;
        else
            ((uint8_t *)y)[at] = (uint8_t)sum;
    }
}
