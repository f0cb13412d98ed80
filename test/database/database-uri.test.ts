import { databaseUri } from '../../lib/database/database-client';

describe('the URI of the database', () => {
  test('names at most the database: the rest comes from the environment', () => {
    expect(databaseUri()).toMatch(/^postgresql\+psycopg2:\/\/\?/);
    expect(databaseUri('mlflow_auth')).toMatch(/^postgresql\+psycopg2:\/\/\/mlflow_auth\?/);
  });

  test('has a connection end whose other end went without a farewell', () => {
    const options = new URLSearchParams(databaseUri().split('?')[1]);
    expect(Object.fromEntries(options)).toMatchObject({ keepalives_idle: '20', tcp_user_timeout: '20000' });
  });

  test('has no character that an .ini file or a shell would read as something else', () => {
    expect(databaseUri('mlflow_auth')).not.toMatch(/[%$'"\s]/);
  });
});
