// What only a node reads. It takes long to build with optimisation, and so is a program of its own.
import Cluster
import Drone
import FuzzHarness
import Node

try Program(NodeDecoders.all).run()
