storage "raft" {
  path = "/srv"
  tags = [
    "a",
    "b",
  ]
}
policy = <<EOT
x { y
EOT
