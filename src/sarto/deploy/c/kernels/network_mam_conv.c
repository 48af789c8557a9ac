/* The same at each place of a convolution `c`, which has a group for each split of a group; what is seen of each lies side
   by side in the patch, zeros where it is outside. */
SEPARATE static void mam_conv_number(const mam_layer *l, const conv_layer *c, const number_t *x, uint8_t *patch, void *y)
{
    const int groups = c->groups / l->splits;
    int top = -c->padding_row, left = -c->padding_column, at = 0;
    for (int places = c->to_rows * c->to_columns; places > 0; places--, next_place(c, &top, &left)) {
        const int8_t *w = l->weights;
        for (int g = 0; g < groups; g++, at += l->rows) {
            const number_t *seen = (const number_t *)patch;
            if (c->direct)
                seen = x + (top * c->columns + left) * c->channels + g * (c->channels / groups);
            else
                for (int s = 0; s < l->splits; s++)
                    gather(c, (const uint8_t *)x, top, left, g * l->splits + s, patch + s * l->length);
            w = mam_number(l, g * l->rows, w, seen, y, at);
        }
    }
}
