return infer{model[[files/model.gguf]];prompts({'its','a \
b',[==[
long]]]==]});--[[ a
comment ]]sample{["length"]=0x10;temperature=.5e0;}}
