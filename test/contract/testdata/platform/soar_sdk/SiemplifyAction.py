"""A platform for tests: the context of the script from standard input, its result as JSON on standard output.

The names and the limit of the result are those of github.com/chronicle/soar-sdk. Waits are recorded, not waited for.
"""

import json
import sys
import time

try:
    from .ScriptResult import EXECUTION_STATE_COMPLETED, EXECUTION_STATE_FAILED, ScriptResult
except ImportError:
    from ScriptResult import EXECUTION_STATE_COMPLETED, EXECUTION_STATE_FAILED, ScriptResult

waits = []
time.sleep = waits.append


class Logger:
    def exception(self, error):
        sys.stderr.write(f"{type(error).__name__}: {error}\n")


class Entity:
    def __init__(self, identifier, entity_type):
        self.identifier, self.entity_type = identifier, entity_type
        self.is_enriched, self.additional_properties = False, {"OriginalIdentifier": identifier.lower()}


class SiemplifyAction:
    def __init__(self):
        self.context_data = json.loads(sys.stdin.buffer.read().decode("utf-8-sig"))
        c = self.context_data
        self.case_id, self.alert_id = c["case_id"], c["alert_id"]
        self.workflow_id, self.workflow_instance_id = c["workflow_id"], c.get("workflow_instance_id")
        self.parameters = dict(c["parameters"])
        self.original_requesting_user = c["original_requesting_user"]
        now = int(time.time() * 1000)
        self.execution_deadline_unix_time_ms = now + c["time_ms"] if c["time_ms"] else 0
        self.script_timeout_deadline = self.execution_deadline_unix_time_ms
        self.async_polling_interval_in_sec = c.get("polling_s", 0)
        self.async_total_duration_deadline = now + c["total_ms"] if c.get("total_ms") else 0
        self.max_json_result_size = c.get("max_json_result_size", 15)
        self.script_name = ""
        self.LOGGER = Logger()
        self.result = ScriptResult()
        self.updated = []
        self._entities = [Entity(e["item1"], e["item2"]) for e in c["target_entities"]]

    @property
    def target_entities(self):
        if self.context_data.get("broken_entities"):
            raise RuntimeError("the case cannot be loaded")
        return self._entities

    def get_configuration(self, provider, environment=None, integration_instance=None):
        assert provider == "OktaSecOps", provider
        return self.context_data["configuration"]

    def update_entities(self, entities):
        if self.context_data.get("broken_update"):
            raise RuntimeError("the entities cannot be updated")
        self.updated += [[e.identifier, e.entity_type, e.additional_properties, e.is_enriched] for e in entities]

    def end(self, message, result_value, execution_state=EXECUTION_STATE_COMPLETED):
        text = json.dumps(self.result.objects)
        if len(text) > self.max_json_result_size * 1_048_576:
            message, result_value, text = "JSON result exceeded maximum size", None, None
            execution_state = EXECUTION_STATE_FAILED
        print(json.dumps({
            "Message": message, "ResultValue": result_value, "ResultObjectJson": text, "ExecutionState": execution_state,
            "Updated": self.updated, "Waits": waits, "ScriptName": self.script_name,
        }))
        sys.exit(0)
