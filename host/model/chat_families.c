/*
 * chat_families.c - the ways of writing conversations that are known.
 *
 * Marks are those of the models' own templates (tokenizer_config.json of each) in the
 * form that llama.cpp's src/llama-chat.cpp gives them, and so are the texts by which a
 * template is recognized; the first row that fits counts.  A beginning token is not
 * among the marks: the tokenizer puts it where the model wants one.
 */
#include "model/chat.h"

#include <string.h>

#define BAR          "\xef\xbd\x9c" /* U+FF5C, as DeepSeek's tokens have it */
#define LOW          "\xe2\x96\x81"
#define DEEPSEEK_END "<" BAR "end" LOW "of" LOW "sentence" BAR ">"

/* clang-format off */
static const struct chat_family families[] = {
    {.name = "phi-4",
     .has = {"<|im_start|>", "<|im_sep|>"},
     .marks = {{"<|im_start|>system<|im_sep|>", "<|im_end|>"},
               {"<|im_start|>user<|im_sep|>", "<|im_end|>"},
               {"<|im_start|>assistant<|im_sep|>", "<|im_end|>"}},
     .answer = "<|im_start|>assistant<|im_sep|>"},
    {.name = "chatml",
     .has = {"<|im_start|>"},
     .marks = {{"<|im_start|>system\n", "<|im_end|>\n"},
               {"<|im_start|>user\n", "<|im_end|>\n"},
               {"<|im_start|>assistant\n", "<|im_end|>\n"}},
     .answer = "<|im_start|>assistant\n"},
    {.name = "mistral-v7",
     .has = {"[INST]", "[SYSTEM_PROMPT]"},
     .marks = {{"[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]"},
               {"[INST] ", "[/INST]"},
               {" ", "</s>"}},
     .answer = ""},
    {.name = "mistral-v1",
     .has = {"[INST]", "' [INST] ' + system_message"},
     .marks = {{"", "\n\n"}, {" [INST] ", " [/INST]"}, {" ", "</s>"}},
     .answer = "",
     .flags = CHAT_SYSTEM_INSIDE},
    {.name = "mistral-v3-tekken",
     .has = {"[INST]", "[AVAILABLE_TOOLS]", "\"[INST]\""},
     .lacks = " [INST]",
     .marks = {{"", "\n\n"}, {"[INST]", "[/INST]"}, {"", "</s>"}},
     .answer = "",
     .flags = CHAT_SYSTEM_INSIDE},
    {.name = "mistral-v3",
     .has = {"[INST]", "[AVAILABLE_TOOLS]"},
     .lacks = " [INST]",
     .marks = {{"", "\n\n"}, {"[INST] ", "[/INST]"}, {" ", "</s>"}},
     .answer = "",
     .flags = CHAT_SYSTEM_INSIDE | CHAT_TRIM_ANSWERS},
    {.name = "llama-2",
     .has = {"[INST]", "<<SYS>>"},
     .marks = {{"<<SYS>>\n", "\n<</SYS>>\n\n"}, {"[INST] ", " [/INST]"}, {" ", " </s>"}},
     .again = "<s>[INST] ",
     .answer = "",
     .flags = CHAT_SYSTEM_INSIDE | CHAT_TRIM | CHAT_TRIM_ANSWERS},
    {.name = "llama-2-plain", /* no system prompt: it opens the first text */
     .has = {"[INST]"},
     .marks = {{"", "\n"}, {"[INST] ", " [/INST]"}, {"", "</s>"}},
     .answer = "",
     .flags = CHAT_SYSTEM_INSIDE},
    {.name = "phi-3",
     .has = {"<|assistant|>", "<|end|>"},
     .marks = {{"<|system|>\n", "<|end|>\n"},
               {"<|user|>\n", "<|end|>\n"},
               {"<|assistant|>\n", "<|end|>\n"}},
     .answer = "<|assistant|>\n"},
    {.name = "falcon-3",
     .has = {"<|assistant|>", "<|user|>", "</s>"},
     .marks = {{"<|system|>\n", "\n"}, {"<|user|>\n", "\n"}, {"<|assistant|>\n", "\n"}},
     .answer = "<|assistant|>\n"},
    {.name = "zephyr",
     .has = {"<|assistant|>", "<|user|>", "eos_token"},
     .marks = {{"<|system|>\n", "{eos}\n"},
               {"<|user|>\n", "{eos}\n"},
               {"<|assistant|>\n", "{eos}\n"}},
     .answer = "<|assistant|>\n"},
    {.name = "stablelm-zephyr",
     .has = {"<|user|>", "<|endoftext|>"},
     .marks = {{"<|system|>\n", "<|endoftext|>\n"},
               {"<|user|>\n", "<|endoftext|>\n"},
               {"<|assistant|>\n", "<|endoftext|>\n"}},
     .answer = "<|assistant|>\n"},
    {.name = "gemma",
     .has = {"<start_of_turn>"},
     .marks = {{"", "\n\n"},
               {"<start_of_turn>user\n", "<end_of_turn>\n"},
               {"<start_of_turn>model\n", "<end_of_turn>\n"}},
     .answer = "<start_of_turn>model\n",
     .flags = CHAT_SYSTEM_INSIDE | CHAT_TRIM | CHAT_TRIM_ANSWERS},
    {.name = "openchat",
     .has = {"GPT4 Correct "},
     .marks = {{"", "<|end_of_turn|>"},
               {"GPT4 Correct User: ", "<|end_of_turn|>"},
               {"GPT4 Correct Assistant: ", "<|end_of_turn|>"}},
     .answer = "GPT4 Correct Assistant:"},
    {.name = "vicuna",
     .has = {"USER: ", "ASSISTANT: "},
     .marks = {{"", "\n\n"}, {"USER: ", "\n"}, {"ASSISTANT: ", "</s>\n"}},
     .answer = "ASSISTANT:"},
    {.name = "deepseek",
     .has = {"### Instruction:", "<|EOT|>"},
     .marks = {{"", ""},
               {"### Instruction:\n", "\n"},
               {"### Response:\n", "\n<|EOT|>\n"}},
     .answer = "### Response:\n"},
    {.name = "command-r",
     .has = {"<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>"},
     .marks = {{"<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>", "<|END_OF_TURN_TOKEN|>"},
               {"<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>"},
               {"<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"}},
     .answer = "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
     .flags = CHAT_TRIM | CHAT_TRIM_ANSWERS},
    {.name = "llama-3",
     .has = {"<|start_header_id|>", "<|end_header_id|>"},
     .marks = {{"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
               {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
               {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"}},
     .answer = "<|start_header_id|>assistant<|end_header_id|>\n\n",
     .flags = CHAT_TRIM | CHAT_TRIM_ANSWERS},
    {.name = "deepseek-2",
     .has = {"'Assistant: ' + message['content'] + eos_token"},
     .marks = {{"", "\n\n"}, {"User: ", "\n\n"}, {"Assistant: ", DEEPSEEK_END}},
     .answer = "Assistant:"},
    {.name = "deepseek-3",
     .has = {"<" BAR "Assistant" BAR ">", "<" BAR "User" BAR ">"},
     .marks = {{"", "\n\n"},
               {"<" BAR "User" BAR ">", ""},
               {"<" BAR "Assistant" BAR ">", DEEPSEEK_END}},
     .answer = "<" BAR "Assistant" BAR ">"},
};
/* clang-format on */

const struct chat_family *chat_families(size_t *n) {
  *n = sizeof families / sizeof *families;
  return families;
}

const struct chat_family *chat_find(const char *name) {
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (strcmp(families[i].name, name) == 0) return &families[i];
  return NULL;
}
