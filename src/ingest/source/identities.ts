/**
 * Identities: from what a sender shows to the credential that it is. A token counts before certificates, these before
 * the address; a token that nobody has is not saved by the address.
 *
 * Tokens are looked up by their SHA-256: how long that takes tells nothing about the tokens that exist.
 */

import { ForbiddenError, InvalidArgumentError, UnauthorizedError } from "../../model/errors.js";
import { digestKey, tokenDigest } from "../../model/token-digest.js";
import type { PushSender } from "../push/push.js";
import { isLoopback } from "./ip-address.js";
import type { Credential, PushJob } from "./push-job.js";

export class Identities {
  readonly #isConfigured: boolean;
  readonly #byDigest = new Map<string, Credential>();
  readonly #byCertificateName = new Map<string, Credential>();
  readonly #byAddress: Credential[] = [];

  /** Throws InvalidArgumentError when two jobs, or two credentials of one, could not be told apart. */
  constructor(jobs: readonly PushJob[]) {
    this.#isConfigured = jobs.length > 0;
    const names = new Set<string>();
    for (const job of jobs) {
      if (names.has(job.name))
        throw new InvalidArgumentError(`push_configs has the job ${JSON.stringify(job.name)} twice`);
      names.add(job.name);
      for (const credential of job.credentials) this.#add(credential);
    }
  }

  /** Undefined without configuration, for a push of this machine. Throws UnauthorizedError or ForbiddenError. */
  identify(sender: PushSender): Credential | undefined {
    if (!this.#isConfigured) {
      assertLoopback(sender.address);
      return undefined;
    }
    if (sender.token !== undefined) {
      const credential = this.#byDigest.get(digestKey(tokenDigest(sender.token)));
      if (credential !== undefined) return credential;
      throw new UnauthorizedError(
        "no entry of push_configs has this token; check that it is sent whole, and that it was not revoked",
      );
    }
    const credential = this.#byNames(sender.certificateNames ?? []) ?? this.#byAddressOf(sender.address);
    if (credential !== undefined) return credential;
    throw new UnauthorizedError(
      `nobody in push_configs may push from ${sender.address} without a token; send the header ` +
        '"Authorization: Bearer <token>", or the token as the password of basic authentication',
    );
  }

  #add(credential: Credential): void {
    const { proof, job } = credential;
    switch (proof.kind) {
      case "token":
        addOnce(this.#byDigest, digestKey(proof.digest), credential, "the same token");
        break;
      case "certificate":
        if (proof.names.length === 0)
          throw new InvalidArgumentError(`a certificate of the job ${JSON.stringify(job.name)} has no names`);
        for (const name of proof.names)
          addOnce(this.#byCertificateName, name, credential, `the certificate name ${JSON.stringify(name)}`);
        break;
      case "address":
        this.#byAddress.push(credential);
        break;
    }
  }

  #byNames(names: readonly string[]): Credential | undefined {
    for (const name of names) {
      const credential = this.#byCertificateName.get(name);
      if (credential !== undefined) return credential;
    }
    return undefined;
  }

  /** The first range that has it. */
  #byAddressOf(address: string): Credential | undefined {
    return this.#byAddress.find(({ proof }) => proof.kind === "address" && proof.range.contains(address));
  }
}

function addOnce(into: Map<string, Credential>, key: string, credential: Credential, what: string): void {
  const other = into.get(key);
  if (other !== undefined)
    throw new InvalidArgumentError(`in push_configs ${other.name} and ${credential.name} have ${what}`);
  into.set(key, credential);
}

function assertLoopback(address: string): void {
  if (isLoopback(address)) return;
  throw new ForbiddenError(
    `without push_configs only this machine may push, and the push came from ${address}; ` +
      "add push_configs with a token, or with the addresses that may push, to the configuration file",
  );
}
