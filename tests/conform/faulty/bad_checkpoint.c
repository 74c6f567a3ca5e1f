/* bad_checkpoint.c - what it loads is not what it saved, and its end is not looked at. */
#include "../bad/bad.h"

struct state {
  uint64_t saves;
};

static ridge_status create(const ridge_host *host, const void *params, void **self) {
  (void)params;
  *self = host->alloc(host, sizeof(struct state), 8);
  return RIDGE_OK;
}

static ridge_status save(void *self, ridge_status (*put)(void *, const void *, size_t),
                         void *to) {
  struct state *state = self;
  state->saves++;
  return put(to, &state->saves, sizeof state->saves);
}

static ridge_status load(void *self, ridge_status (*get)(void *, void *, size_t),
                         void *from) {
  struct state *state = self;
  (void)get(from, &state->saves, sizeof state->saves);
  return RIDGE_OK;
}

BAD_PLUGIN("faulty.bad_checkpoint", p->create = create; p->save = save; p->load = load;)
