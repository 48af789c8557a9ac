/* Runs the inputs on a board, counts every call of the model, and says answers and counts as lines of text. */
#include "counter.h"
#include "inputs.h"
#include "model.h"
#include "say.h"

static model_arena arena;

static void number(uint32_t value)
{
    char text[12];
    int at = 11;
    text[at] = 0;
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    say(text + at);
}

static void signed_number(int32_t value)
{
    if (value < 0)
        say("-");
    number(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static void answer(const char *kind, int sequence, int step, int index)
{
    const int32_t *scores = model_scores(&arena);
    say(kind);
    number((uint32_t)sequence);
    say(" ");
    signed_number(step);
    say(" ");
    signed_number(index);
    for (int i = 0; i < MODEL_OUTPUTS; i++) {
        say(" ");
        signed_number(scores[i]);
    }
    say("\n");
}

static void counted(const char *kind, int sequence, int step, uint32_t count)
{
    say(kind);
    number((uint32_t)sequence);
    say(" ");
    signed_number(step);
    say(" ");
    number(count);
    say("\n");
}

static int step(void *where, const void *sample) { return model_step(where, sample); }

static int predict(void *where, const void *sample)
{
    (void)sample;
    return model_predict(where);
}

static int nothing(void *where, const void *sample) { return counter_nothing(where, sample); }

int main(void)
{
    const model_sample *word = input_words;
    uint32_t count;
    counter_start();
    say("sarto board 1\nmodel " INPUTS_MODEL "\ncore ");
    number(counter_core());
    say("\ncounter ");
    say(counter_name());
    counter_call(nothing, &arena, word, &count); /* once before, so that caches hold it */
    counter_call(nothing, &arena, word, &count);
    say("\nnothing ");
    number(count);
    say("\n");
    model_init(&arena);
    for (int s = 0; s < INPUT_SEQUENCES; s++) {
        for (int t = 0; t < input_steps[s]; t++, word += MODEL_CHANNELS) {
            const int index = counter_call(step, &arena, word, &count);
            counted("step ", s, t, count);
            if (index >= 0)
                answer("window ", s, t, index);
        }
        const int index = counter_call(predict, &arena, word, &count);
        counted("predict ", s, -1, count);
        answer("sequence ", s, -1, index);
    }
    say("end\n");
    say_no_more();
    for (;;) {
    }
}
