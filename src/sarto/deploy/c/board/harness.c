/* Runs the inputs on a board, counts every call of the model, and says answers and counts as lines of text. */
#include "counter.h"
#include "inputs.h"
#include "model.h"
#include "say.h"

static model_arena arena;

/* A line is said as a whole: a debugger halts the core for each time that something is said. */
static char line[96];
static unsigned length;

static void flush(void)
{
    line[length] = 0;
    length = 0;
    say(line);
}

static void text(const char *words)
{
    for (; *words; words++) {
        if (length == sizeof line - 1)
            flush();
        line[length++] = *words;
    }
}

static void number(uint32_t value)
{
    char digits[12];
    int at = 11;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    text(digits + at);
}

static void signed_number(int32_t value)
{
    if (value < 0)
        text("-");
    number(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static void end_line(void)
{
    text("\n");
    flush();
}

static void begin(const char *kind, int sequence, int step)
{
    text(kind);
    text(" ");
    number((uint32_t)sequence);
    text(" ");
    signed_number(step);
    text(" ");
}

static void answer(const char *kind, int sequence, int step, int index)
{
    const int32_t *scores = model_scores(&arena);
    begin(kind, sequence, step);
    signed_number(index);
    for (int i = 0; i < MODEL_OUTPUTS; i++) {
        text(" ");
        signed_number(scores[i]);
    }
    end_line();
}

static void counted(const char *kind, int sequence, int step, int32_t count)
{
    begin(kind, sequence, step);
    signed_number(count);
    end_line();
}

static int step(void *where, const void *sample) { return model_step(where, sample); }

static int predict(void *where, const void *sample)
{
    (void)sample;
    return model_predict(where);
}

static int nothing(void *where, const void *sample) { return counter_nothing(where, sample); }

static void fact(const char *name, uint32_t value)
{
    text(name);
    number(value);
    end_line();
}

int main(void)
{
    const model_sample *word = input_words;
    int32_t count;
    counter_start();
    say("sarto board 1\n");
    say("model " INPUTS_MODEL "\n");
    say("inputs " INPUTS_HASH "\n");
    fact("core ", counter_core());
    fact("maker ", counter_maker());
    text("counter ");
    text(counter_name());
    end_line();
    counter_call(nothing, &arena, word, &count); /* once before, so that caches hold it */
    counter_call(nothing, &arena, word, &count);
    fact("nothing ", (uint32_t)count);
    model_init(&arena);
    for (int s = 0; s < INPUT_SEQUENCES; s++) {
        for (int t = 0; t < input_steps[s]; t++, word += MODEL_CHANNELS) {
            const int index = counter_call(step, &arena, word, &count);
            counted("step", s, t, count);
            if (index >= 0)
                answer("window", s, t, index);
        }
        const int index = counter_call(predict, &arena, word, &count);
        counted("predict", s, -1, count);
        answer("sequence", s, -1, index);
    }
    say("end\n");
    say_no_more();
    for (;;) {
    }
}
