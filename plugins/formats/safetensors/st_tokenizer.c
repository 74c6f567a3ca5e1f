/*
 * st_tokenizer.c - which of the files beside the weights has the tokenizer.
 *
 * tokenizer.json is what the newest libraries read; tokenizer.model is what it was made
 * from; vocab.json and merges.txt are older.  Without any of them the model opens, and
 * the program says that it cannot turn text into tokens.
 */
#include "st_parts.h"

ridge_status st_read_tokenizer(struct st_model *model) {
  struct st_value json;
  ridge_bytes bytes;
  uint32_t number;
  ridge_status status = st_beside(model, "tokenizer.json", &json);
  if (status == RIDGE_OK) return st_tokenizer_json(model, &json);
  if (status != RIDGE_DECLINED) return status;
  status = model->folder->map(model->folder, "tokenizer.model", &bytes, &number);
  if (status == RIDGE_OK) return st_tokenizer_model(model, bytes);
  if (status != RIDGE_DECLINED) return status;
  status = model->folder->map(model->folder, "merges.txt", &bytes, &number);
  if (status == RIDGE_DECLINED) return RIDGE_OK;
  if (status == RIDGE_OK) status = st_beside(model, "vocab.json", &json);
  if (status == RIDGE_DECLINED)
    return st_fail(model, RIDGE_IO, "there is merges.txt beside it, but no vocab.json");
  return status != RIDGE_OK ? status : st_tokenizer_old(model, &json, bytes);
}
