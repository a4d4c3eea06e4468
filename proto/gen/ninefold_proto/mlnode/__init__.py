"""What a broker and its mlnodes say to each other; needs protobuf and grpc alone."""
