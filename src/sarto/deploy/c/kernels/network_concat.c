/* A tensor becomes some channels of a joined one, from number `at` on; a shift of 0 copies. What is signed has 128 in
   `sign`, else 0. */
typedef struct {
    int32_t places, channels, width; /* channels of it, and of the joined tensor */
    int32_t sign, factor, shift, low, high, wide;
} join_layer;

SEPARATE static void join(const join_layer *l, const uint8_t *x, void *y, int at)
{
    for (int places = l->places; places > 0; places--, at += l->width - l->channels)
        for (int c = l->channels; c > 0; c--, at++) {
            int32_t value = (*x++ ^ l->sign) - l->sign;
            if (l->shift)
                value = within((value * l->factor + (1 << (l->shift - 1))) >> l->shift, l->low, l->high);
            if (l->wide)
                ((int32_t *)y)[at] = value;
            else
                ((uint8_t *)y)[at] = (uint8_t)value;
        }
}
