"""The whole market in one process: the shipped services, two replicas each, over simulated edges and virtual time.

An hour's reading, in this order: loop (time that passes when nothing else can happen), weather (what goes wrong, and
how often), clocks, database, network, streams and broker (the edges), process (one replica that may be killed), readers
(who follow a feed, or the prices), market (all of it, and the port that people use), people (what they do), programs
(who orders in bulk), corrections and forks (what operators do), run (a seed, played and judged).
"""
