"""The intent journal: what was approved and what venues said of it, on disk before it is sent."""
