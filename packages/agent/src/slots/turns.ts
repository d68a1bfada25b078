type Turns = <T>(operation: () => Promise<T>) => Promise<T>;

/** Operations that read what is kept, decide on it and write it: each sees what the one before has left. Errors: those of the operation. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (operation) => {
    const mine = last.then(operation);
    last = mine.catch(() => {});
    return mine;
  };
}
