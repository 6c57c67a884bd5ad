# The lakehouse with both engines and JupyterLab. Once it is built it needs no network.
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie

# --- Debian's packages -------------------------------------------------------------------------
# libnss-unknown names a user whose id the image does not know (LAKEHOUSE_UID); Java asks for a name.
FROM ${PYTHON_IMAGE} AS java
# hadolint ignore=DL3008
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends libnss-unknown openjdk-21-jre-headless tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# --- Python's packages and Delta's jars, and nothing that only their making needs ---------------
FROM java AS packages
COPY requirements.txt /
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install -q --no-cache-dir --disable-pip-version-check \
        -r /requirements.txt
ENV PATH=/opt/venv/bin:$PATH
# Spark's own resolver, for the version that delta-spark names. Of what it brings, Spark has the rest.
RUN python -c "from delta import configure_spark_with_delta_pip as delta; \
from pyspark.sql import SparkSession; \
delta(SparkSession.builder.master('local[1]')).getOrCreate().stop()" > /dev/null 2>&1 \
    && find ~/.ivy2.5.2 ! -type d ! -path '*/jars/io.delta_*' ! -path '*/jars/io.unitycatalog_*' -delete
# The tests of other projects (numpy needs its own), and jars for what a container of one machine
# never is: a client of Kubernetes or Hive, or a keeper of streaming state in RocksDB.
RUN find /opt/venv -type d -name tests ! -path '*/numpy/*' -prune -exec rm -r {} + \
    && find /opt/venv -path '*/pyspark/jars/*' \( -name 'rocksdbjni-*' -o -name 'kubernetes-*' \
        -o -name 'datanucleus-*' -o -name 'derby-*' -o -name 'hive-metastore-*' \) -delete \
    && python -c "import deltalake, duckdb, jupyterlab.labapp, matplotlib.pyplot, pyarrow.parquet, sklearn.ensemble"

# --- The image ---------------------------------------------------------------------------------
FROM java
LABEL org.opencontainers.image.title="lakehouse" \
      org.opencontainers.image.description="A feature lakehouse: point-in-time correct features and labels" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --non-unique --uid 1000 --create-home --shell /bin/bash lakehouse \
    && chmod 777 /home/lakehouse \
    && install -d -o 1000 -g 1000 /lakehouse
COPY --from=packages /root/.ivy2.5.2/jars /home/lakehouse/.ivy2.5.2/jars
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/lakehouse HOME=/home/lakehouse PYTHONUNBUFFERED=1 \
    LAKEHOUSE_ADDRESS=0.0.0.0
WORKDIR /lakehouse
COPY --chown=1000:1000 data data
COPY --chown=1000:1000 main.py requirements.txt ./
COPY --chown=1000:1000 notebooks notebooks
COPY --chown=1000:1000 lakehouse lakehouse
USER 1000:1000
# Before a container is ever started the jars are those that Maven Central has.
RUN python -c "from lakehouse.engines.jars import check, kept_jars; check(kept_jars() or exit('no jars'))"
EXPOSE 8888
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "notebooks/lab.py", "--check"]
ENTRYPOINT ["tini", "-g", "--"]
CMD ["python", "notebooks/lab.py"]
