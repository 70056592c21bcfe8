"""The names of ScriptResult that the integration uses, as in github.com/chronicle/soar-sdk."""

import json

EXECUTION_STATE_COMPLETED = 0
EXECUTION_STATE_INPROGRESS = 1
EXECUTION_STATE_FAILED = 2
EXECUTION_STATE_TIMEDOUT = 3


class ScriptResult:
    def __init__(self):
        self.objects = {}

    def _entry(self, title):
        return self.objects.setdefault(title, {"Title": title, "RawJson": "", "CSVLines": ""})

    def add_result_json(self, json_data):
        self._entry("JsonResult")["RawJson"] = json.dumps(json_data)

    def add_data_table(self, title, data_table, entity_type=None):
        self._entry(title)["CSVLines"] = data_table
