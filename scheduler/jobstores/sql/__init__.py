"""The job store on SQL databases: `store` is the contract, `turn` a transaction of the engine, the rest serves them."""
