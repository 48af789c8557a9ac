/* A model whose every answer can be said in advance: running sums per class, and a window of three samples. */
#ifndef MODEL_H
#define MODEL_H
#include <stdint.h>
#define MODEL_CHANNELS 2
#define MODEL_OUTPUTS 3
#define MODEL_ARENA_BYTES 32
typedef int16_t model_sample;
typedef struct {
    int32_t sum[MODEL_OUTPUTS];
    int32_t scores[MODEL_OUTPUTS];
    int32_t steps;
    int32_t spare;
} model_arena;
void model_init(model_arena *arena);
int model_step(model_arena *arena, const model_sample *sample);
int model_predict(model_arena *arena);
const int32_t *model_scores(const model_arena *arena);
#endif
