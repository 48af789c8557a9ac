/* Runs items at widths that are chosen from outside. */
#include "model.h"

void width_give(const model_sample *words, int64_t lines);
int64_t width_run(int64_t width);
int64_t width_extend(void);
int64_t width_cascade(const int32_t *least);
int64_t width_groups(void);
const int32_t *width_scores(void);
void width_classes(const model_sample *words, int64_t lines, int64_t items, int64_t width, int64_t *classes);
int64_t width_series(const model_sample *words, int64_t lines, const int64_t *widths, int64_t count);

static model_arena arena;

void width_give(const model_sample *words, int64_t lines)
{
    model_init(&arena);
    for (int64_t i = 0; i < lines; i++)
        model_step(&arena, words + i * MODEL_CHANNELS);
}

int64_t width_run(int64_t width) { return model_run(&arena, (int)width); }

int64_t width_extend(void) { return model_extend(&arena); }

int64_t width_cascade(const int32_t *least) { return model_cascade(&arena, least); }

int64_t width_groups(void) { return arena.groups; }

const int32_t *width_scores(void) { return model_scores(&arena); }

/* Tells the class of each of the items, which lie behind each other and have as many lines each. */
void width_classes(const model_sample *words, int64_t lines, int64_t items, int64_t width, int64_t *classes)
{
    for (int64_t i = 0; i < items; i++) {
        width_give(words + i * lines * MODEL_CHANNELS, lines);
        classes[i] = width_run(width);
    }
}

/* Returns the sum of the answers to one item, given anew for each of the widths. */
int64_t width_series(const model_sample *words, int64_t lines, const int64_t *widths, int64_t count)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        width_give(words, lines);
        sum += model_run(&arena, (int)widths[i]);
    }
    return sum;
}
