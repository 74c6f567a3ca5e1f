/*
 * codes.h - every code a diagnostic can have, in one list.
 *
 * R: the recipe cannot be read.  P1: a word or value.  P2: the composition.
 * P3: a file.  P4: a sweep.  P205 exits 4, every other one 2.
 */
#ifndef RIDGE_COMPOSE_CODES_H
#define RIDGE_COMPOSE_CODES_H

#define COMPOSE_CODE_MAP(X)                                                                \
  X(R001, "Lua cannot read the recipe, or stops while running it")                         \
  X(R002, "a recipe has no such word, or may not use it")                                  \
  X(R003, "a word is written in a way it cannot be")                                       \
  X(R004, "the recipe takes too long, too much memory, or is too large")                   \
  X(R005, "the recipe gave two results when evaluated twice")                              \
  X(P101, "no such plugin is installed")                                                   \
  X(P102, "no such parameter or setting")                                                  \
  X(P103, "a value of the wrong type")                                                     \
  X(P104, "a value out of bounds, or not among the choices")                               \
  X(P105, "a value, word or plugin that would do nothing")                                 \
  X(P106, "a required value is missing")                                                   \
  X(P201, "a seam that takes one plugin is filled twice, or a plugin is used twice")       \
  X(P202, "something that a plugin needs is missing")                                      \
  X(P203, "two things cannot go together")                                                 \
  X(P204, "plugins in the wrong order")                                                    \
  X(P205, "it does not fit into memory")                                                   \
  X(P206, "less exact than the recipe's floor")                                            \
  X(P207, "a plugin or the engine refuses the plan")                                       \
  X(P301, "a file is missing or cannot be read")                                           \
  X(P302, "a file's contents cannot be used")                                              \
  X(P401, "a sweep is larger than its budget")                                             \
  X(P402, "a sweep varies something that cannot be varied")

#endif
