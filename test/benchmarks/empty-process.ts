/** Program: Node with nothing in it, which says that it runs and waits to be left. */
process.once('disconnect', () => process.exit());
process.send?.({});
