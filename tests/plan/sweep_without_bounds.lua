local many = {}
for i = 1, 200 do many[i] = i end
return sweep {
  of "ok_together",
  vary "kv.paged" { block = each(many) },
  vary "schedule.continuous" { batch = each { table.unpack(many) } },
}
