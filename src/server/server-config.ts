/**
 * ServerConfig: all that the server's configuration files say, read and checked as a whole.
 */

import { emptyWebConfig, loadWebConfig, type WebConfig } from "../config/web-config.js";
import { type Config, emptyConfig, loadConfig } from "../config.js";

export interface ServerConfig {
  readonly config: Config;
  readonly web: WebConfig;
}

export interface ServerConfigFiles {
  readonly configFile?: string;
  readonly webConfigFile?: string;
}

/** Rejects with ConfigError or StorageError. */
export async function loadServerConfig({
  configFile,
  webConfigFile,
}: ServerConfigFiles): Promise<ServerConfig> {
  const config = configFile === undefined ? emptyConfig : await loadConfig(configFile);
  const web = webConfigFile === undefined ? emptyWebConfig : await loadWebConfig(webConfigFile);
  return { config, web };
}

export function warningsOf({ config, web }: ServerConfig): readonly string[] {
  return [...config.warnings, ...web.warnings];
}

/** What a reload cannot change, in sentences. */
export function restartsNeeded(before: ServerConfig, after: ServerConfig): readonly string[] {
  const sentences: string[] = [];
  if (JSON.stringify(before.config.storage) !== JSON.stringify(after.config.storage))
    sentences.push("storage.tsdb.retention has changed: it is as it was until the server is started again");
  if (before.web.tls?.clientAuth !== after.web.tls?.clientAuth)
    sentences.push(
      "tls_server_config has come, gone or changed its client_auth_type: connections are as they were until the " +
        "server is started again",
    );
  return sentences;
}
