"""Messages that a test declares for itself, as text of the proto language."""

import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc


def messages(text: str) -> dict[str, type[Message]]:
    """The messages of a file, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "declared.proto", Path(folder) / "declared.binpb"
        source.write_text(f'syntax = "proto3";\n{text}', encoding="utf-8")
        assert protoc.main(["protoc", f"--proto_path={folder}", f"--descriptor_set_out={made}", str(source)]) == 0
        (file,) = FileDescriptorSet.FromString(made.read_bytes()).file
    pool = DescriptorPool()
    pool.Add(file)
    declared = pool.FindFileByName(file.name).message_types_by_name
    return {name: GetMessageClass(descriptor) for name, descriptor in declared.items()}
