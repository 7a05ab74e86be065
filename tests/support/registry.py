"""A small schema registry with Confluent's REST interface, for tests."""
import http.server
import io
import json
import struct
import threading

import fastavro


class Registry:
    """Schemas by id from 1. `down` answers 503 to everything."""

    def __init__(self, port=0):
        self.schemas, self.asked, self.down = [], [], False
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                registry.asked.append(self.path)
                status, body = registry.answer(self.path)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port),
                                                      Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        if self.down:
            return 503, {"message": "away"}
        parts = path.removeprefix("/apis/ccompat/v7").strip("/").split("/")
        if parts[:2] == ["schemas", "ids"]:
            number = int(parts[2])
            if 1 <= number <= len(self.schemas):
                return 200, self.schemas[number - 1]
            return 404, {"error_code": 40403, "message": "no such schema"}
        if parts[0] == "subjects" and parts[2] == "versions":
            for schema in self.schemas:
                if schema.get("subject") == parts[1]:
                    return 200, schema
        return 404, {"error_code": 40401, "message": "no such subject"}

    def add(self, schema, subject=None, references=()):
        """The new schema's id."""
        self.schemas.append({"schema": json.dumps(schema), "schemaType": "AVRO",
                             "subject": subject, "references": list(references)})
        return len(self.schemas)

    def message(self, number, record, parsed=None):
        """A value in the wire format."""
        schema = parsed or json.loads(self.schemas[number - 1]["schema"])
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
        return struct.pack(">bI", 0, number) + out.getvalue()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
